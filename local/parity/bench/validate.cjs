// Measures AWS's validator: one line of JSON for each file named on standard input.
const { RegoEngine, TemplateFile } = require("@aws/cloudformation-validate");
const { mkdtempSync, rmSync, statSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const readline = require("node:readline");

const engine = new RegoEngine();

// Neither its start nor what it puts off until the first template is counted.
const dir = mkdtempSync(join(tmpdir(), "bench-"));
writeFileSync(join(dir, "first.yaml"), "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n");
engine.validateStandard(new TemplateFile(join(dir, "first.yaml")));
rmSync(dir, { recursive: true });

function timed(file) {
  const start = process.hrtime.bigint();
  engine.validateStandard(new TemplateFile(file));
  return Number(process.hrtime.bigint() - start) / 1e9;
}

readline.createInterface({ input: process.stdin }).on("line", (file) => {
  const answer = { file, size: statSync(file).size };
  try {
    answer.cold = timed(file);
    answer.warm = answer.cold < 1 ? Math.min(timed(file), timed(file), timed(file)) : answer.cold;
  } catch (e) {
    answer.failure = String(e).slice(0, 200);
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
