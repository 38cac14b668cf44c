-- Members of shared groups, by slice; organisations, groups and campaigns are documents (few, and across slices).
-- applied: the group's revision that is proven on all of a member's terminals.
CREATE TABLE member (
  slice INTEGER NOT NULL, sub INTEGER NOT NULL, grp INTEGER NOT NULL,
  applied INTEGER NOT NULL,
  PRIMARY KEY (slice, sub, grp)
) WITHOUT ROWID;
-- A campaign walks a group's members in order.
CREATE INDEX member_group ON member (grp, slice, sub);

-- The newest change of shared groups that the mark is for.
ALTER TABLE terminal ADD COLUMN due_shared INTEGER;
