// "Snel weg": the page she was on makes place for the other one, so that going back does not lead here.
"use strict";
const away = document.getElementById("away");
away.addEventListener("submit", (event) => {
  event.preventDefault();
  navigator.sendBeacon(away.action, new URLSearchParams());
  location.replace(away.dataset.to);
});
