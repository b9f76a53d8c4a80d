/*
 * The application that does the job itself, with AWS's SDK for JavaScript.
 */

'use strict';

const http = require('http');
const {
    MarketplaceMeteringClient, ResolveCustomerCommand
} = require('@aws-sdk/client-marketplace-metering');

const metering = new MarketplaceMeteringClient({
    region: 'us-east-1',
    endpoint: process.env.METERING_URL,
    credentials: {
        accessKeyId: process.env.ACCESS_KEY,
        secretAccessKey: process.env.SECRET_KEY
    },
    requestHandler: {
        httpAgent: new http.Agent({keepAlive: true, maxSockets: 128})
    }
});

function read(request) {
    return new Promise((resolve, reject) => {
        const chunks = [];
        request.on('data', (chunk) => chunks.push(chunk));
        request.on('end', () => resolve(Buffer.concat(chunks).toString()));
        request.on('error', reject);
    });
}

async function register(request) {
    const form = new URLSearchParams(await read(request));
    const token = form.get('x-amzn-marketplace-token');

    const customer = await metering.send(
        new ResolveCustomerCommand({RegistrationToken: token}));

    return `registered ${customer.CustomerAWSAccountId}\n`;
}

const server = http.createServer((request, response) => {
    register(request).then((body) => {
        response.writeHead(200, {
            'Content-Type': 'text/plain',
            'Content-Length': Buffer.byteLength(body)
        });
        response.end(body);
    }).catch((error) => {
        console.error(error);
        response.writeHead(502);
        response.end();
    });
});

/* nginx is who closes idle connections */
server.keepAliveTimeout = 0;
server.listen(Number(process.env.PORT), '127.0.0.1', 1024);
