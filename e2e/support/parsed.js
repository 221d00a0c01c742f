// Texts as documents. A page of the site lets nobody make one of a text, tests included; an empty page does.

/** What `look(document)` makes of a text. */
export async function parsed(context, text, type, look) {
  const empty = await context.newPage();
  try {
    const document = await empty.evaluateHandle(([text, type]) => new DOMParser().parseFromString(text, type), [text, type]);
    return await document.evaluate(look);
  } finally {
    await empty.close();
  }
}
