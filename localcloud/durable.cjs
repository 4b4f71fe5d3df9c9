// Makes Azurite keep what it has acknowledged. It saves its metadata every five seconds, so a kill would take back
// up to five seconds of writes that clients were told are safe. Loaded with `node --require` before Azurite, this
// holds the answer to every successful write until the metadata is on disk. Writes that come together share a save.
"use strict";
const http = require("node:http");
const Loki = require("lokijs");

// A database counts from its first save, with which Azurite ends its preparation. One that is asked to save while it
// is still loading never saves again: Loki then waits for itself.
const databases = new Set();
const save = Loki.prototype.saveDatabase;
Loki.prototype.saveDatabase = function (callback) {
  databases.add(this);
  return save.call(this, callback);
};

// A save under way may have begun before this write, or just after it: only the next one is sure to hold it.
function unsaved(database) {
  return database.autosaveDirty() || database.throttledSavePending;
}

function saved(database) {
  return new Promise((resolve, reject) => database.saveDatabase((error) => (error ? reject(error) : resolve())));
}

const READING = new Set(["GET", "HEAD", "OPTIONS"]);
const BAD_REQUEST = 400;
const end = http.ServerResponse.prototype.end;
http.ServerResponse.prototype.end = function (...content) {
  const dirty = [...databases].filter(unsaved);
  if (READING.has(this.req.method) || this.statusCode >= BAD_REQUEST || dirty.length === 0) {
    return end.apply(this, content);
  }
  Promise.all(dirty.map(saved)).then(
    () => end.apply(this, content),
    () => this.destroy(),
  );
  return this;
};
