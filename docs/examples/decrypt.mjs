/**
 * Decrypt what the API returns, in the browser. WebCrypto only: no imports, nothing to install.
 *
 *   import { decryptEnvelope } from "./decrypt.mjs";
 *
 *   const { keys } = await (await fetch("/api/relationships/client2/keys", { headers })).json();
 *   for (const row of transcripts) {                       // as POST /api/transcripts/query answers
 *     const text = await decryptEnvelope(row.transcript, keys, `transcripts/${row.id}/transcript`);
 *   }
 *
 * An envelope is standard Base64 of: 0x01 · key id (UUID, 16 bytes) · nonce (12 bytes) · ciphertext · tag (16 bytes),
 * encrypted with AES-256-GCM. The associated data is the field it is from, `{resource}/{id}/{field}`.
 */

const VERSION = 1;
const KEY_ID_END = 17;
const HEADER_BYTES = 29;
const TAG_BYTES = 16;

/**
 * @param {string} envelopeBase64 the field as the API returned it
 * @param {{kid: string, key: string, created: string}[]} keys of GET /api/relationships/{therapist_clientid}/keys
 * @param {string} aad the field's place, for example "transcripts/17/transcript"
 * @returns {Promise<string>} the text; rejects when no key fits, or when the envelope was changed or moved
 */
export async function decryptEnvelope(envelopeBase64, keys, aad) {
  const envelope = bytesOf(envelopeBase64);
  if (envelope.length < HEADER_BYTES + TAG_BYTES || envelope[0] !== VERSION) {
    throw new Error("not an envelope");
  }
  const kid = uuidOf(envelope.subarray(1, KEY_ID_END));
  const dataKey = keys.find((key) => key.kid.toLowerCase() === kid);
  if (dataKey === undefined) {
    throw new Error(`no key ${kid}`);
  }
  const secret = await crypto.subtle.importKey("raw", bytesOf(dataKey.key), "AES-GCM", false, ["decrypt"]);
  const place = {
    name: "AES-GCM",
    iv: envelope.subarray(KEY_ID_END, HEADER_BYTES),
    additionalData: new TextEncoder().encode(aad),
    tagLength: TAG_BYTES * 8,
  };
  const plaintext = await crypto.subtle.decrypt(place, secret, envelope.subarray(HEADER_BYTES));
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plaintext);
}

/** @param {string} base64 */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** @param {Uint8Array} bytes sixteen of them */
function uuidOf(bytes) {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
