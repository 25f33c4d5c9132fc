/** Field elements in a shard: the size of an EIP-4844 blob. */
export const FIELD_ELEMENTS_PER_SHARD = 4096;
/** Bytes of one BLS12-381 scalar field element, big-endian. */
export const BYTES_PER_FIELD_ELEMENT = 32;
/** Bytes of a shard as it is stored, sent and committed to. */
export const SHARD_BYTES = FIELD_ELEMENTS_PER_SHARD * BYTES_PER_FIELD_ELEMENT;
/** Payload bytes in one field element of layout `packed31`; the top byte stays zero. */
export const PAYLOAD_BYTES_PER_FIELD_ELEMENT = 31;
/** Payload bytes of a shard in layout `packed31`. */
export const PAYLOAD_BYTES = FIELD_ELEMENTS_PER_SHARD * PAYLOAD_BYTES_PER_FIELD_ELEMENT;
/** Order of the BLS12-381 scalar field. */
export const FIELD_MODULUS = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
/** Bytes of a compressed KZG commitment or proof. */
export const COMMITMENT_BYTES = 48;
/** Plain bytes of one encrypted segment of an object. */
export const SEGMENT_BYTES = 1_048_576;
/** Most stripes that one delegated-commitment window may hold. */
export const WINDOW_STRIPES = 64;
/** Most slots of an order (k + m, or n copies). */
export const MAX_SLOTS = 32;
/** Fewest and most members of a roster. */
export const MIN_KEEPERS = 4;
export const MAX_KEEPERS = 32;
/** Prices are token wei per 2^32 shard-epochs. */
export const PRICE_SHIFT = 32n;
/** Most entries of one lost leaf. */
export const MAX_LOST_ENTRIES = 64;
/** Most entries of a lost record that an appeal has to answer. */
export const APPEAL_DRAWS = 4;
