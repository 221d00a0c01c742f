// What a host gets wrong: each line marked so must be refused by the types of embed.d.ts.
import type { BreakableWidget, ToEmbed } from "../../xtask/web/embed.d.ts";

declare const widget: BreakableWidget;
declare function say(message: ToEmbed): void;

say({ breakable: 2, type: "play" }); // wrong
say({ breakable: 1, type: "explode" }); // wrong
say({ breakable: 1, type: "seek" }); // wrong
say({ breakable: 1, type: "seek", time: 1, exact: { us: 1, events: 1 } }); // wrong
say({ breakable: 1, type: "act", args: {} }); // wrong
say({ breakable: 1, type: "load", link: "#r=AAAA", preset: "edge" }); // wrong
say({ breakable: 1, type: "set", theme: "blue" }); // wrong
say({ breakable: 1, type: "query", id: {} }); // wrong
void widget.seek({ us: 1 }); // wrong
void widget.load({ presett: "edge" }); // wrong
void widget.query("often"); // wrong
widget.addEventListener("breakable-state", ({ detail }) => detail.counts); // wrong
