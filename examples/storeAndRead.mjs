// Stores some bytes in a running network and reads them back: node storeAndRead.mjs <rpc url> <deployment file> <key file>
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
console.log(JSON.stringify({ orderId, bytes: restored.length, same: restored.equals(bytes) }));
await client.close();
