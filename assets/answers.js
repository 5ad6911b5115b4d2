// Gradio closes the stream on which a page hears its answers when nothing is asked any more, and opens another one
// with the next question. If a question reaches the server just after that, while the page has not yet read that its
// stream is closed, the page would wait on the old one: the answer is lost, and what was pressed stays dead. So a
// question counts as asked when a stream has spoken of it, or the one that was there is closed.
//
// And the page puts off a little what it hears, but not what it has heard before it knew of the question: then an
// answer could be drawn before one that was given earlier, which would be drawn over it. So what speaks of a question
// that was just asked goes on to the page when it knows of that, and where it was told before, the page knows of the
// question only when it has drawn the rest.
{
  const AFTER_THE_END = 1000;
  const PUT_OFF = 10;
  const ask = window.fetch;
  let stream = null;
  let underWay = 0;
  // What was spoken of while a question is under way, on whichever stream: the answer may overtake the word that
  // the question has arrived, and the stream that brought it may be closed by then.
  const heard = new Set();

  const aLittle = () => new Promise((go) => setTimeout(go, PUT_OFF));

  class Stream {
    constructor(signal) {
      this.waiting = new Map();
      // The page aborts a stream when it has read that it is closed.
      signal?.addEventListener("abort", () => this.close());
    }

    // What goes on to the page, which hears nothing before this has.
    listen(body) {
      const decoder = new TextDecoder();
      let told = "";
      const ear = new TransformStream({
        transform: async (part, page) => {
          const lines = (told + decoder.decode(part, { stream: true })).split("\n");
          told = lines.pop();
          const questions = lines.map((line) => line.match(/"event_id":\s*"(\w+)"/)?.[1]);
          const areNew = questions.some((question) => this.waiting.has(question));
          questions.forEach((question) => this.hear(question));
          if (areNew) await aLittle();
          page.enqueue(part);
        },
      });
      const later = () => setTimeout(() => this.close(), AFTER_THE_END);
      // Its other end is aborted, or the connection is lost.
      body.pipeTo(ear.writable).then(later, later);
      return ear.readable;
    }

    hear(question) {
      if (underWay) heard.add(question);
      this.waiting.get(question)?.();
    }

    close() {
      if (stream === this) stream = null;
      this.waiting.forEach((go) => go());
    }

    async speaksOf(question) {
      await new Promise((go) => this.waiting.set(question, go));
      this.waiting.delete(question);
    }
  }

  async function listenTo(request) {
    const mine = (stream = new Stream(request[0].signal));
    try {
      const response = await ask(...request);
      return new Response(mine.listen(response.body), response);
    } catch (error) {
      mine.close();
      throw error;
    }
  }

  async function put(request) {
    underWay += 1;
    try {
      const response = await ask(...request);
      const { event_id } = response.ok ? await response.clone().json() : {};
      if (heard.has(event_id)) await aLittle();
      else if (event_id) await stream?.speaksOf(event_id);
      return response;
    } finally {
      underWay -= 1;
      if (!underWay) heard.clear();
    }
  }

  window.fetch = async (...request) => {
    const path = new URL(request[0].url ?? request[0], location.href).pathname;
    if (path.endsWith("/queue/data")) return listenTo(request);
    return path.endsWith("/queue/join") ? put(request) : ask(...request);
  };
}
