// Random texts of awkward parts, from a seed.

const PARTS = ["Hello", " world", "don't", " ", "  ", "\n", "\r\n", "\t", "1234", "词元", "经济，", "のテスト", "한국어", "é", "e\u0301", "ß", "🙂",
  "👩‍👩‍👧", "\u00a0", "\u3000", "def f(x):\n    return x", "<|endoftext|>", "<|im_start|>", "\0", "नमस्ते", "aaaaaaaaaaaaaaaaaaaaaaaa", "\ufffd", "\ufeff",
  "…", "___", "=>", "\u0958", "\u{1d160}", "\ud83d", "\ude00", "\udbff"];

/** A generator of numbers from 0 to below `bound`: mulberry32. */
export function drawFrom(seed) {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

export const randomText = (draw, parts = 30) =>
  Array.from({ length: draw(parts) }, () => PARTS[draw(PARTS.length)]).join("");

/** UTF-8 with holes: some bytes are others. */
export function randomBytes(draw) {
  const bytes = new TextEncoder().encode(randomText(draw));
  for (let i = draw(4); i > 0 && bytes.length > 0; --i) bytes[draw(bytes.length)] = draw(256);
  return bytes;
}

/** The text in pieces, cut anywhere, between surrogates and inside characters too. */
export function cut(draw, text) {
  const places = Array.from({ length: 1 + draw(7) }, () => draw(text.length + 1)).sort((a, b) => a - b);
  return [...places, text.length].map((end, i) => text.slice(i === 0 ? 0 : places[i - 1], end));
}
