/** A slot has two relations to providers; these names tell them apart. */
export const HOLDER = "holder";
export const FORMER = "former";
