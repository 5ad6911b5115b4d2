// Gradio closes the stream on which a page hears its answers when nothing is asked any more, and opens another one
// with the next question. If a question reaches the server just after that, while the page has not yet read that its
// stream is closed, the page would wait on the old one: the answer is lost, and what was pressed stays dead. So a
// question counts as asked when the stream has spoken of it, or is closed.
{
  const AFTER_THE_END = 1000;
  const ask = window.fetch;
  let stream = null;

  class Stream {
    constructor(signal) {
      this.heard = new Set();
      this.waiting = new Map();
      // The page aborts a stream when it has read that it is closed.
      signal?.addEventListener("abort", () => this.close());
    }

    async listen(body) {
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      let told = "";
      try {
        for (let part; !(part = await reader.read()).done; ) {
          const lines = (told + part.value).split("\n");
          told = lines.pop();
          lines.forEach((line) => this.hear(line.match(/"event_id":\s*"(\w+)"/)?.[1]));
        }
      } catch {
        // Aborted, or the connection is lost.
      }
      setTimeout(() => this.close(), AFTER_THE_END);
    }

    hear(question) {
      this.heard.add(question);
      this.waiting.get(question)?.();
    }

    close() {
      if (stream === this) stream = null;
      this.waiting.forEach((go) => go());
    }

    async speaksOf(question) {
      if (this.heard.has(question)) return;
      await new Promise((go) => this.waiting.set(question, go));
      this.waiting.delete(question);
    }
  }

  async function listenTo(request) {
    const mine = (stream = new Stream(request[0].signal));
    try {
      const response = await ask(...request);
      const [theirs, ours] = response.body.tee();
      mine.listen(ours);
      return new Response(theirs, response);
    } catch (error) {
      mine.close();
      throw error;
    }
  }

  window.fetch = async (...request) => {
    const path = new URL(request[0].url ?? request[0], location.href).pathname;
    if (path.endsWith("/queue/data")) return listenTo(request);
    const response = await ask(...request);
    if (path.endsWith("/queue/join") && response.ok) {
      const { event_id } = await response.clone().json();
      await stream?.speaksOf(event_id);
    }
    return response;
  };
}
