// Stores some bytes in a running network, reads them back and asks how safe they are: node storeAndRead.mjs <rpc url> <deployment file> <key file>
import { readFile } from "node:fs/promises";
import { createClient } from "memo";
import { readDeployment } from "memo/protocol/chain/deployment";
import { readKeyFile } from "memo/protocol/runtime/keyFile";
import { privateKeyToAccount } from "viem/accounts";

const [rpcUrl, deploymentPath, keyPath] = process.argv.slice(2);
const client = createClient({
  rpcUrl,
  deployment: await readDeployment(deploymentPath),
  account: privateKeyToAccount(await readKeyFile(keyPath)),
});

const bytes = await readFile(import.meta.filename);
const { orderId } = await client.store(bytes, { name: "example.mjs", policy: "rs(2,1)", epochs: 4 });
const { stream } = await client.read({ orderId });
const restored = Buffer.concat(await Array.fromAsync(stream));
const { slots, spare } = await client.status(orderId);
const held = slots.filter(({ condition }) => condition === "held").length;
console.log(JSON.stringify({ orderId, bytes: restored.length, same: restored.equals(bytes), held, spare }));
await client.close();
