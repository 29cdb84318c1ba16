// Numbers of the archive's pages, as the reader writes them.

import { localise, write } from "./numbers.js";

localise(document);
for (const number of document.querySelectorAll(".verdict strong, .largest strong")) write(number);
