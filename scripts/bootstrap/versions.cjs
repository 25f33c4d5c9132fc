"use strict";

/** "v24.21.0" or "11.2.0-rc.1" → [24, 21, 0]; anything else → undefined. */
function parseVersion(text) {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(String(text));
  return match ? match.slice(1, 4).map(Number) : undefined;
}

function atLeast(version, minimum) {
  for (let i = 0; i < minimum.length; i++) {
    if (version[i] !== minimum[i]) return version[i] > minimum[i];
  }
  return true;
}

module.exports = { parseVersion, atLeast };
