// Many connections at once: many.js COUNT HOST PORT. Each sends its number and waits for it.
const net = require('net');
const [count, host, port] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];
let answered = 0;
let ended = 0;

function end() {
  ended += 1;
  if (ended === count) console.log(`${answered} answered`);
}

for (let number = 0; number < count; number += 1) {
  const text = `number ${number}\n`;
  let got = '';
  const socket = net.connect(port, host, () => socket.write(text));
  socket.setEncoding('utf8');
  socket.on('data', (data) => {
    got += data;
    if (got === text) {
      answered += 1;
      socket.destroy();
    }
  });
  socket.on('error', (error) => console.error(error.code));
  socket.on('close', end);
}
