// Networks of which each takes up where the one before left off, run by ONNX Runtime Web away from
// the page's own thread. What one gives stays here, for the next.

let ort, sessions;
const kept = {};

const load = async ({ runtime, wasm, graphs, providers: executionProviders }) => {
  ort = await import(runtime);
  // More than one thread need headers that plain hosting does not send.
  ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  ort.env.wasm.wasmBinary = wasm;
  sessions = [];
  const open = (graph) => ort.InferenceSession.create(new Uint8Array(graph), { executionProviders });
  for (const graph of graphs) sessions.push(await open(graph));
};

const run = async ({ which, feeds }) => {
  for (const name in feeds) kept[name] = new ort.Tensor("float32", ...feeds[name]);
  const session = sessions[which];
  const taken = Object.fromEntries(session.inputNames.map((name) => [name, kept[name]]));
  const { features, ...out } = await session.run(taken);
  Object.assign(kept, { before: features, below: out.image });
  return Object.fromEntries(Object.entries(out).map(([name, { data }]) => [name, data]));
};

onmessage = async ({ data: { id, how, what } }) => {
  try {
    postMessage({ id, answer: await { load, run }[how](what) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};
