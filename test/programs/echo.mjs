// SPDX-License-Identifier: BSD-2-Clause
// An HTTP server and its client by fetch.
//   node echo.mjs serve PORT
//   node echo.mjs ask URL N
import http from 'node:http';

const [what, where, n] = process.argv.slice(2);

async function ask(i) {
	const body = String(i).repeat(20000);
	const answer = await fetch(where, { method: 'POST', body });
	if (await answer.text() !== body)
		throw new Error(`request ${i} came back changed`);
}

if (what === 'serve') {
	http.createServer((request, answer) => request.pipe(answer))
		.listen(Number(where), '::');
} else {
	await Promise.all(Array.from({ length: Number(n) }, (_, i) => ask(i)));
	console.log(n);
}
