// mysql2 for Node: text and prepared statements, every type, transactions, multi-statements, a pool, streams.
// Usage: mysql2_client.mjs PORT, with mysql2 to be found from NODE_MODULES.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const mysql = require("mysql2/promise");
const options = { host: "127.0.0.1", port: Number(process.argv[2]), user: "root", database: "test", timezone: "Z" };

const db = await mysql.createConnection({ ...options, multipleStatements: true, supportBigNumbers: true });
await db.query("create table js (id int primary key auto_increment, s varchar(50), b blob, d decimal(10,2), t datetime(3), f double, n bigint, e date)");
const values = ["h\u00e9llo '\\ \u2603", Buffer.from([0, 255, 39, 92]), "-12.50", new Date("2024-02-29T23:59:59.123Z"), 1.5e-7, "9007199254740993", "1999-12-31"];
const columns = "s, b, d, t, f, n, e";
const [done] = await db.execute(`insert into js (${columns}) values (?, ?, ?, ?, ?, ?, ?)`, values);
assert.deepEqual([done.affectedRows, done.insertId], [1, 1]);
const [text] = await db.query(`insert into js (${columns}) values (?, ?, ?, ?, ?, ?, ?)`, values);
assert.equal(text.insertId, 2);
for (const rows of [await db.query(`select ${columns} from js order by id`), await db.execute(`select ${columns} from js where id > ? order by id`, [0])]) {
  assert.equal(rows[0].length, 2);
  for (const row of rows[0]) {
    assert.equal(row.s, values[0]);
    assert.deepEqual(row.b, values[1]);
    assert.equal(row.d, "-12.50");
    assert.equal(row.t.getTime(), values[3].getTime());
    assert.equal(row.f, 1.5e-7);
    assert.equal(row.n, "9007199254740993");
    assert.equal(row.e.toISOString(), "1999-12-31T00:00:00.000Z");
  }
}
const [nulls] = await db.execute("select ? is null as a, s from js where s = ?", [null, "nobody"]);
assert.deepEqual(nulls, []);
const [many] = await db.query("select 1 as a; select 2 as b; update js set s = 'x' where id = 1");
assert.deepEqual([many[0][0].a, many[1][0].b, many[2].affectedRows, many[2].changedRows], [1, 2, 1, 1]);

await db.beginTransaction();
await db.execute("delete from js where id = ?", [1]);
await db.rollback();
await db.beginTransaction();
await db.execute("delete from js where id = ?", [2]);
await db.commit();
const [left] = await db.query("select id from js");
assert.deepEqual(left.map((row) => row.id), [1]);
await assert.rejects(db.query("select * from nope"), { errno: 1146, sqlState: "42S02" });
await assert.rejects(db.execute("select nope from js"), { errno: 1054 });
await db.ping();
await db.changeUser({ user: "root", database: "information_schema" });
assert.equal((await db.query("select database() as d"))[0][0].d, "information_schema");
await db.end();

const pool = mysql.createPool({ ...options, connectionLimit: 8 });
const sums = await Promise.all(Array.from({ length: 64 }, (_, i) => pool.execute("select ? + 1 as n", [i])));
sums.forEach(([rows], i) => assert.equal(Number(rows[0].n), i + 1));
await pool.end();
console.log("ok");
