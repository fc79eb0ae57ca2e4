// One network, run by ONNX Runtime Web away from the page's own thread.

let ort, session;

const load = async ({ runtime, wasm, graph }) => {
  ort = await import(runtime);
  ort.env.wasm.numThreads = 1; // more need headers that plain hosting does not send
  ort.env.wasm.wasmBinary = wasm;
  session = await ort.InferenceSession.create(new Uint8Array(graph));
};

const run = async (feeds) => {
  for (const name in feeds) feeds[name] = new ort.Tensor("float32", ...feeds[name]);
  const out = await session.run(feeds);
  return Object.fromEntries(session.outputNames.map((name) => [name, out[name].data]));
};

onmessage = async ({ data: { id, how, what } }) => {
  try {
    postMessage({ id, answer: await { load, run }[how](what) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};
