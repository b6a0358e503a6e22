// A worker that is gone before it has opened.
process.exit(3)
