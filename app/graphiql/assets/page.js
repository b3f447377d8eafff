"use strict";

const WELCOME = `# Layette's API
#
# Ctrl-Enter runs the operation,
# Ctrl-Space shows what may come next.
#
# To act as a customer, run signIn with
# transport: TOKEN, and put the token
# that it answers under "Headers" below:
# {"Authorization": "Bearer lys_…"}

query Viewer {
  viewer {
    kind
  }
}
`;

// GraphiQL's history keeps the headers of each request, tokens and all, whatever shouldPersistHeaders says: these
// entries are gone with the page. What else it stores (texts of queries, the layout) stays in this browser.
const FORGOTTEN = new Set(["graphiql:queries", "graphiql:favorites"]);
const memory = new Map();
const storage = {
  getItem: (key) => (FORGOTTEN.has(key) ? (memory.get(key) ?? null) : localStorage.getItem(key)),
  setItem: (key, value) => (FORGOTTEN.has(key) ? memory.set(key, value) : localStorage.setItem(key, value)),
  removeItem: (key) => (FORGOTTEN.has(key) ? memory.delete(key) : localStorage.removeItem(key)),
  clear() {
    memory.clear();
    localStorage.clear();
  },
  get length() {
    return memory.size + localStorage.length;
  },
};

const place = document.getElementById("graphiql");
const socket = new URL(place.dataset.endpoint, location.href).href.replace(/^http/, "ws");

ReactDOM.createRoot(place).render(
  React.createElement(GraphiQL, {
    // The header tells the server that no other site sent this, so that a session's cookie counts.
    fetcher: GraphiQL.createFetcher({
      url: place.dataset.endpoint,
      subscriptionUrl: socket,
      headers: { "X-Layette-CSRF": "1" },
    }),
    plugins: [GraphiQLPluginExplorer.explorerPlugin()],
    defaultQuery: WELCOME,
    defaultEditorToolsVisibility: "headers",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    storage,
  }),
);
