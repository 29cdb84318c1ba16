// The pages of the archive: numbers in the visitor's locale.

import { formatCell, formatTables } from "./numbers.js";

formatTables(document);
for (const number of document.querySelectorAll(".verdict strong, .largest strong")) formatCell(number);
