// Turn the report, written as one web page, into a book: cover, contents, chapters.

function compose(cover) {
  const article = document.querySelector("article.bd-article");
  const make = (tag, className, text = "") =>
    Object.assign(document.createElement(tag), { className, textContent: text });

  // Code that is folded away on the web stays away; sounds and controls cannot be printed.
  article.querySelectorAll("details.hide, a.headerlink, script, button").forEach(x => x.remove());
  article.querySelectorAll("div:has(> div > audio):not(:has(img, canvas))").forEach(players => {
    const titles = [...players.querySelectorAll("audio")].map(x => x.getAttribute("aria-label"));
    players.replaceWith(make("p", "unheard", `Sounds, on the web pages: ${titles.join("; ")}.`));
  });
  article.querySelectorAll("audio").forEach(x =>
    x.replaceWith(make("p", "unheard", `Sound, on the web pages: ${x.getAttribute("aria-label")}.`)));
  article.querySelectorAll("img[loading]").forEach(x => x.removeAttribute("loading"));
  // Files beside the pages do not come with the book.
  article.querySelectorAll('a:not([href^="#"], [href^="http"])').forEach(x => x.removeAttribute("href"));

  // The chapters, in parts: one toctree each, whose caption is left in the navigation alone.
  const opening = article.firstElementChild;
  const chapters = [...article.querySelectorAll(".toctree-wrapper > section")];
  chapters.forEach(chapter => chapter.prepend(chapter.previousElementSibling)); // what links lead to
  const lists = document.querySelectorAll(".bd-docs-nav ul:not(.bd-sidenav__home-link)");
  article.querySelectorAll(".toctree-wrapper").forEach((part, i) => {
    const caption = lists[i]?.previousElementSibling;
    if (caption?.matches(".caption"))
      part.querySelector("section").dataset.part = caption.textContent;
    part.remove();
  });
  const abstract = opening.querySelector("section[id$='abstract']");
  abstract.classList.add("abstract");
  abstract.remove(); // it stands before the contents
  opening.querySelectorAll("video, video + .pieces-note").forEach(x => x.remove()); // cannot be printed
  opening.querySelectorAll("h2").forEach(x => x.replaceWith(make("h3", "", x.textContent)));
  opening.querySelector("h1").replaceWith(make("h2", "", "At a glance"));

  // Every heading gets an id of its own, since chapters share names of sections.
  const contents = make("nav", "toc");
  contents.append(make("h2", "", "Contents"));
  const list = make("ol", "");
  const rules = [];
  [opening, ...chapters].forEach((chapter, i) => {
    const title = chapter.querySelector("h2").textContent.trim();
    chapter.classList.add("chapter");
    chapter.style.page = `chapter${i}`;
    rules.push(`@page chapter${i} { @top-right { content: ${JSON.stringify(title)} } }`);
    if (chapter.dataset.part) {
      list.append(make("li", "part", chapter.dataset.part));
      chapter.prepend(make("p", "part", chapter.dataset.part));
    }
    chapter.querySelectorAll("h2, h3, h4").forEach((heading, j) => {
      heading.id = `heading-${i}-${j}`;
      if (heading.localName === "h4") return;
      const item = make("li", heading.localName === "h2" ? "chapter-line" : "section-line");
      const link = make("a", "");
      link.href = `#${heading.id}`;
      link.append(make("span", "title", heading.textContent.trim()), make("span", "leader"),
        make("span", "page", "000"));
      item.append(link);
      list.append(item);
    });
  });
  contents.append(list);

  const page = make("main", "bd-article book");
  page.append(cover, abstract, contents, opening, ...chapters);
  document.body.replaceChildren(page);
  document.documentElement.dataset.theme = "light";
  const style = make("style", "", rules.join("\n"));
  document.head.append(style);

  // On paper, a reference to another place needs the number of its page.
  page.querySelectorAll("a.internal:has(> .doc, > .std-ref):not(.sd-stretched-link)").forEach(link => {
    const place = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const heading = place?.closest("section").querySelector("h2, h3, h4");
    if (!heading) return;
    link.href = `#${heading.id}`;
    link.append(make("span", "where", "\u00a0(p.\u00a000)"));
  });

  // What is wider than the paper is made narrower, down to a size that can still be read.
  page.querySelectorAll("table").forEach(table => {
    const room = table.parentElement.clientWidth, need = table.scrollWidth;
    if (need > room) table.style.zoom = Math.max(0.6, room / need);
  });
}

// The page on which each heading stands, once it is known.
function number(pages) {
  const of = place => pages[place.closest("a").hash.slice(1)];
  document.querySelectorAll(".toc .page").forEach(x => { x.textContent = of(x); });
  document.querySelectorAll(".where").forEach(x => { x.textContent = `\u00a0(p.\u00a0${of(x)})`; });
}
