// What a host writes, with the types of embed.d.ts: all of it must be accepted.
import type { BreakableWidget, FromEmbed, State, ToEmbed } from "../../xtask/web/embed.d.ts";

const widget: BreakableWidget = document.querySelector("breakable-widget")!;
widget.setAttribute("question", "rate-limiter-design");

async function drive(): Promise<string> {
  await widget.load({ preset: "edge" });
  await widget.load({ link: "#r=AAAA" });
  await widget.set({ knobs: { limit: 5, algorithm: "gcra", retry: true }, seed: 7, speed: 0.5, theme: "dark" });
  await widget.act("burst", { count: 20 }, "59.9s");
  const state: State = await widget.seek(12.5);
  await widget.seek(state.exact);
  await widget.query(250);
  return state.b ? `${state.digest}${state.b.digest}` : state.digest;
}

widget.addEventListener("breakable-event", ({ detail }) => {
  if (detail.name === "act") console.log(detail.act, detail.args, detail.at);
  if (detail.name === "measured" && detail.choice !== null) console.log(detail.choice.toFixed());
});
widget.addEventListener("click", (event) => event.preventDefault());

const frame = document.querySelector("iframe")!;
const say = (message: ToEmbed) => frame.contentWindow!.postMessage(message, "https://example.org");
say({ breakable: 1, type: "seek", time: 1, id: "mine" });
say({ breakable: 1, type: "act", name: "kill", args: { node: 2 } });

addEventListener("message", ({ data }: MessageEvent<FromEmbed>) => {
  switch (data.type) {
    case "height":
      frame.height = String(data.height);
      break;
    case "error":
      console.log(data.message, data.id);
      break;
    case "ready":
      console.log(data.presets.map((preset) => preset.title), data.knobs[0]?.choices);
      break;
    case "state":
    case "event":
      console.log(data.time);
  }
});
void drive();
