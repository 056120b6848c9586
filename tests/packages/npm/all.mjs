import "./counting.mjs";
import "./package.mjs";

import { runAll } from "./harness.mjs";

process.exitCode = await runAll(process.env.CIYUAN_REPORT);
