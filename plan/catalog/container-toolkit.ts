/** NVIDIA's container toolkit: which release is put on a host, and from where. */

/** The release that NVIDIA's installation guide pins (read 2026-11-21); its four packages go together. */
export const TOOLKIT_VERSION = "1.19.1-1";

export const TOOLKIT_PACKAGES = [
  "nvidia-container-toolkit",
  "nvidia-container-toolkit-base",
  "libnvidia-container-tools",
  "libnvidia-container1",
] as const;

/** NVIDIA's server of the packages; a mirror can stand in its place. */
export const TOOLKIT_REPOSITORY = "https://nvidia.github.io/libnvidia-container";

/** Of the key at `<repository>/gpgkey` (2026-11-21). */
export const TOOLKIT_KEY = "C95B321B61E88C1809C4F759DDCAE044F796ECB0";
