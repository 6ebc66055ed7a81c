/** The tokens of the tiny model: a byte-level SentencePiece vocabulary and the words of which its noise consists. */

/** As llama.cpp numbers them in `tokenizer.ggml.token_type`. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

export interface Token {
  readonly text: string;
  readonly type: (typeof TOKEN_TYPE)[keyof typeof TOKEN_TYPE];
}

/** How SentencePiece writes a space. */
const SPACE = "▁";

const KOREAN = `
  안녕하세요 반갑습니다 감사합니다 오늘 내일 어제 지금 아침 저녁 하늘 바다 나무 강물 산길 구름 바람 햇빛 달빛 별빛 눈물 웃음
  사람 친구 가족 아이 선생님 학교 도서관 회사 병원 시장 마을 도시 나라 서울 부산 제주 한국 한글 언어 문장 단어 글자 질문 대답
  생각 마음 기억 약속 시간 세월 역사 미래 과학 기술 기계 모델 서버 요청 응답 보안 연결 전기 물리 수학 음악 그림 영화 소설 시인
  따뜻한 차가운 조용한 빠른 느린 작은 새로운 오래된 아름다운 즐거운 맑은 깊은 넓은 밝은 어두운 그리고 그러나 그래서 하지만 또는
  갑니다 옵니다 봅니다 듣습니다 말합니다 씁니다 읽습니다 배웁니다 가르칩니다 만듭니다 찾습니다 시작합니다 끝납니다 기다립니다
  을 를 이 가 은 는 에 의 도 로 와 과
`;
const ENGLISH = `
  the a of to and in is it you that was for on are with as they be at one have this from by hot word but what some we can out
  other were all your when up use how said each she which their time will way about many then them would like so these her long
  river mountain cloud window garden winter summer morning evening letter number server model answer question stream signal light
`;
const PUNCTUATION = [".", ",", "!", "?", ";", ":", "\n"];

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** Words for output, in a fixed order: they carry their leading space, so that any sequence of them is readable UTF-8. */
const SPOKEN: readonly string[] = [
  ...words(KOREAN).map((w) => SPACE + w),
  ...words(ENGLISH).map((w) => SPACE + w),
  ...PUNCTUATION,
];

export const UNKNOWN = 0;
export const BEGIN = 1;
export const TURN_START = 3;
export const TURN_END = 4;

const SPECIAL: readonly Token[] = [
  { text: "<unk>", type: TOKEN_TYPE.unknown },
  { text: "<s>", type: TOKEN_TYPE.control },
  { text: "</s>", type: TOKEN_TYPE.control },
  { text: "<|im_start|>", type: TOKEN_TYPE.control },
  { text: "<|im_end|>", type: TOKEN_TYPE.control },
];

/** Every byte is a token, so every text can be read, whatever its script. */
const BYTES: readonly Token[] = Array.from({ length: 256 }, (_, byte) => ({
  text: `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  type: TOKEN_TYPE.byte,
}));

export const VOCABULARY: readonly Token[] = [
  ...SPECIAL,
  ...BYTES,
  ...[...new Set(SPOKEN)].map((text) => ({ text, type: TOKEN_TYPE.normal })),
];

/** Index of the first token that is a word; all before it are special tokens and bytes. */
export const FIRST_WORD = SPECIAL.length + BYTES.length;
