// Single-event appends by Emmett's PostgreSQL store: node append.mjs URL WRITERS APPENDS_EACH BYTES
import { randomUUID } from "node:crypto";
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";

const [url, writers, each, bytes] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const store = getPostgreSQLEventStore(url);
const event = { type: "bench.event", data: { data: "x".repeat(bytes - 11) } };

const write = async (count) => {
  for (let n = 0; n < count; n++) await store.appendToStream(`task-${randomUUID()}`, [event]);
};

await store.schema.migrate();
await write(50);
const start = process.hrtime.bigint();
await Promise.all(Array.from({ length: writers }, () => write(each)));
const seconds = Number(process.hrtime.bigint() - start) / 1e9;
await store.close();
console.log(JSON.stringify({ count: writers * each, seconds }));
