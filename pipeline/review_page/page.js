// Fields and boxes name each other in `data-links`. Pointing at one lights both; following one leads to the other.
"use strict";

const pane = (element) => element.closest(".pane");
const links = (element) =>
  element.dataset.links.split(" ").map((id) => document.getElementById(id)).filter(Boolean);

let lit = [];
let kept = null; // what was last followed or has the focus: it stays lit when the pointer leaves others

function light(element) {
  for (const other of lit) other.classList.remove("lit");
  lit = element ? [element, ...links(element)] : [];
  for (const other of lit) other.classList.add("lit");
}

function keep(element) {
  kept = element;
  light(element);
  const other = element && links(element)[0];
  if (other) reveal(other);
}

// Into the middle of its pane, unless all of it is seen already.
function reveal(element) {
  const place = element.getBoundingClientRect();
  const frame = pane(element).getBoundingClientRect();
  const seen = place.top >= Math.max(0, frame.top) && place.bottom <= Math.min(innerHeight, frame.bottom)
    && place.left >= Math.max(0, frame.left) && place.right <= Math.min(innerWidth, frame.right);
  if (!seen) element.scrollIntoView({ block: "center", inline: "nearest" });
}

const linked = (event) => event.target.closest("[data-links]");

document.addEventListener("pointerover", (event) => light(linked(event) ?? kept));
document.addEventListener("focusin", (event) => {
  const element = linked(event);
  if (element) keep(element);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") keep(null);
});

// The focus goes where the link leads, so that Enter leads back.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const target = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!target || !("links" in target.dataset)) return;
  event.preventDefault();
  (target.matches("a") ? target : target.querySelector("a"))?.focus({ preventScroll: true });
  keep(target);
  reveal(target);
});
