-- What the page reads one row of. No text has a slash or an apostrophe: the two engines write them with
-- different references. With `source`, which the page does not show, this is more than SQLite leaves in its
-- write-ahead log (1000 pages), so that the rows are read from the file, as those of a site are.
CREATE TABLE scripts (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    author TEXT NOT NULL,
    stars INTEGER NOT NULL,
    about TEXT NOT NULL,
    tags TEXT NOT NULL,
    source TEXT NOT NULL
);
CREATE UNIQUE INDEX scripts_slug ON scripts (slug);
INSERT INTO scripts (slug, name, author, stars, about, tags, source)
WITH RECURSIVE numbers (n) AS (
    SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000
)
SELECT
    printf('script-%05d', n),
    'Script ' || n || ' <fast & "small">',
    'Author ' || (n % 97),
    n % 1000,
    'It reads "a & b" and answers whether a < b, ' || n || ' times if need be. Nobody knows what for, but those who have it would not be without it.',
    'chat,web & mail,perl,games <old>',
    printf('%.400c', '#')
FROM numbers;
