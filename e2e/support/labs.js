// Which questions have a lab: their front matter says so.
import { readdirSync, readFileSync } from "node:fs";

const content = new URL("../../content/", import.meta.url);

/** The slugs of the questions whose lab is this one. */
export const questionsWith = (lab) =>
  readdirSync(content)
    .filter((name) => name.endsWith(".md") && !["README.md", "COVERAGE.md"].includes(name))
    .filter((name) => {
      const [, front] = readFileSync(new URL(name, content), "utf8").split(/^\+\+\+$/m);
      return new RegExp(`^lab = "${lab}"$`, "m").test(front);
    })
    .map((name) => name.replace(/\.md$/, ""));
