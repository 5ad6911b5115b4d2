// Typing on a selected cell of the table writes into it, as in any spreadsheet. Gradio's table opens the cell for
// editing and loses the letter that was typed; so open it first, and put the letter there afterwards.
{
  let typed = null;

  function write(attempts) {
    const editor = document.querySelector("#table textarea:focus");
    if (!editor && attempts > 0) return requestAnimationFrame(() => write(attempts - 1));
    editor?.select();
    document.execCommand("insertText", false, typed);
    typed = null;
  }

  document.addEventListener(
    "keydown",
    (event) => {
      const letter = [...event.key].length === 1 && !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing);
      if (!letter || !event.target.matches?.('#table [role="gridcell"]')) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (typed !== null) {
        typed += event.key;
        return;
      }
      typed = event.key;
      event.target.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
      requestAnimationFrame(() => write(30));
    },
    true,
  );
}
