/** For a test that nothing is done: its second attempt would find done what the first ought not to have had to do. */
export const ONE_ATTEMPT = { retry: 0 };
