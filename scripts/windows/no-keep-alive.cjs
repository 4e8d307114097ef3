// Wine, not Node: setKeepAlive before the connection is there breaks the socket.
require("node:net").Socket.prototype.setKeepAlive = function setKeepAlive() {
  return this;
};
