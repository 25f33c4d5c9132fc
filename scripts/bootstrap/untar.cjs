"use strict";

const BLOCK = 512;

function text(block, from, length) {
  const end = block.indexOf(0, from);
  return block.toString("utf8", from, end === -1 || end > from + length ? from + length : end);
}

/**
 * The bytes of one regular file in an uncompressed ustar archive, or undefined. Enough for an npm tarball, whose
 * names fit the header; extended headers are stepped over.
 */
function readTarEntry(archive, wanted) {
  for (let offset = 0; offset + BLOCK <= archive.length; ) {
    const header = archive.subarray(offset, offset + BLOCK);
    if (header[0] === 0) return undefined;
    const size = parseInt(text(header, 124, 12).trim(), 8);
    const prefix = text(header, 345, 155);
    const name = text(header, 0, 100);
    const type = header[156];
    const isFile = type === 0 || type === 0x30;
    if (isFile && (prefix === "" ? name : `${prefix}/${name}`) === wanted) {
      return archive.subarray(offset + BLOCK, offset + BLOCK + size);
    }
    offset += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}

module.exports = { readTarEntry };
