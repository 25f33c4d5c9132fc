import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { orderCost, paidEpochs, slotPay } from "../../../indexer/src/lib/pay.ts";

const range = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 30 }))
  .map(([from, length]) => ({ from, to: from + length }));

describe("pay of a slot", () => {
  test("paid epochs are those of the range that no unpaid range covers, overlaps counted once", () => {
    fc.assert(
      fc.property(range, fc.array(range, { maxLength: 6 }), (settled, unpaid) => {
        let expected = 0;
        for (let epoch = settled.from; epoch < settled.to; epoch++) {
          if (!unpaid.some(({ from, to }) => from <= epoch && epoch < to)) expected++;
        }
        assert.equal(paidEpochs(settled, unpaid), expected);
      }),
    );
  });

  test("pay is a function of the epochs paid so far, so how often it is settled does not matter", () => {
    fc.assert(
      fc.property(
        ...[fc.bigInt({ min: 1n, max: 1n << 100n }), fc.bigInt({ min: 1n, max: 1n << 32n })],
        ...[fc.bigInt({ min: 0n, max: 9000n }), fc.bigInt({ min: 0n, max: 9000n })],
        (price, stripes, first, second) => {
          const order = { price, stripes };
          const whole = slotPay(order, first + second);
          assert.equal(
            slotPay(order, first) + (slotPay(order, first + second) - slotPay(order, first)),
            whole,
          );
          assert.ok(whole - slotPay(order, first) - slotPay(order, second) <= 1n);
        },
      ),
    );
  });

  test("an order costs 100 parts for providers, 4 for keepers and 1 for the treasury", () => {
    const order = { price: 1_000n << 32n, stripes: 5n, slotCount: 3 };
    assert.equal(orderCost(order, 100n), 1_500_000n + 60_000n + 15_000n);
    // Each slot is rounded down alone, the fees once over all of them.
    assert.equal(
      orderCost({ price: (1n << 32n) - 1n, stripes: 1n, slotCount: 3 }, 100n),
      3n * 99n + 11n + 2n,
    );
  });
});
