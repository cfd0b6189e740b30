// The account menu closes when somebody presses Escape, or turns to something else.

export function closeMenus(root) {
  const menu = root.getElementById("account-menu");
  if (!menu) return;
  root.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}
