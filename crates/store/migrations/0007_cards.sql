-- A retired terminal remembers its card's counter: whoever takes the card in anew begins there.
CREATE INDEX terminal_retired ON terminal (iccid) WHERE retired = 1;
