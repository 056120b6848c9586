// test(name, function) notes a test; the last import runs them in order and writes what tools/suites.py reads.
import { writeFileSync } from "node:fs";

const tests = [];
export const test = (name, run) => tests.push({ name, run });

export async function runAll(report) {
  const rows = [];
  for (const { name, run } of tests) {
    let status = "passed", why = "";
    try {
      await run();
    } catch (problem) {
      status = "failed";
      why = String(problem.message).split("\n")[0].slice(0, 300);
      console.log(problem);
    }
    console.log(`${status}: ${name}`);
    rows.push({ name: `npm.${name}`, status, why });
  }
  writeFileSync(report, JSON.stringify(rows));
  return rows.length > 0 && rows.every((row) => row.status === "passed") ? 0 : 1;
}
