// Listeners that pile up on one emitter or signal are a defect, of the code or of its test. Node only
// prints a warning; here it fails the run.
process.on("warning", (warning) => {
  if (warning.name === "MaxListenersExceededWarning") throw warning;
});
