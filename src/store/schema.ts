// What is on disk in index.db, and the versions that say what made it. To change a table: change it here and raise SCHEMA_VERSION; an index
// of another version is thrown away and made again, because everything in it can be remade from the files.

export const SCHEMA_VERSION = 1;

/** Depths as stored in `vectors.depth`. */
export const depthNumber = { instant: 0, shallow: 1, deep: 2 } as const;

export const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE models (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL  -- EncoderModel as JSON, so that the old model can be found again while it is replaced
);

CREATE TABLE files (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  path TEXT NOT NULL UNIQUE,
  size INTEGER NOT NULL,
  mtimeMs REAL NOT NULL,
  hash TEXT NOT NULL,        -- "" makes the next scan read the file again
  lang TEXT NOT NULL,
  imports TEXT NOT NULL,     -- JSON array of specifiers as written
  isTest INTEGER NOT NULL,
  isGenerated INTEGER NOT NULL
);

-- Ids are never used again (AUTOINCREMENT): they are the labels in graph files, which may be older than the database.
CREATE TABLE chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,  -- Chunk.id
  lang TEXT NOT NULL,
  kind TEXT NOT NULL,
  symbols TEXT NOT NULL,     -- JSON array
  breadcrumb TEXT NOT NULL,
  doc TEXT NOT NULL,
  text TEXT NOT NULL,
  orphanedAt INTEGER         -- milliseconds; when the last place went away, and with it symbols, breadcrumb, doc and text
);
CREATE INDEX orphans ON chunks (orphanedAt) WHERE orphanedAt IS NOT NULL;

CREATE TABLE places (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- row id in lexicon
  file INTEGER NOT NULL,
  chunk INTEGER NOT NULL,
  startLine INTEGER NOT NULL,
  endLine INTEGER NOT NULL,
  nSymbol INTEGER, nBreadcrumb INTEGER, nPath INTEGER, nDoc INTEGER, nBody INTEGER  -- terms per field
);
CREATE INDEX placesOfFile ON places (file, startLine);
CREATE INDEX placesOfChunk ON places (chunk);

CREATE TABLE symbols (name TEXT NOT NULL, chunk INTEGER NOT NULL, PRIMARY KEY (name, chunk)) WITHOUT ROWID;
CREATE INDEX symbolsOfChunk ON symbols (chunk);

-- Never updated: a vector is a function of chunk, model and depth.
CREATE TABLE vectors (
  model INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  chunk INTEGER NOT NULL,
  scale REAL NOT NULL,
  q BLOB NOT NULL,           -- int8
  PRIMARY KEY (model, depth, chunk)
) WITHOUT ROWID;
`;

/** Terms arrive analysed and joined by spaces; the tokenizer only has to keep letters and digits together. Contentless: the text is in chunks. */
export const lexiconSchema = `
CREATE VIRTUAL TABLE lexicon USING fts5(symbol, breadcrumb, path, doc, body, content='', contentless_delete=1, tokenize="unicode61 remove_diacritics 0");
CREATE TABLE placeTerms (place INTEGER PRIMARY KEY, terms BLOB NOT NULL);  -- the other way round: see termList
CREATE VIRTUAL TABLE lexiconTerms USING fts5vocab(lexicon, row);
`;
