"use strict";

/** A failure that the person at the terminal can do something about; shown as its message alone. */
class BootstrapError extends Error {}

module.exports = { BootstrapError };
