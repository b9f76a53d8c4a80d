// Notes of customers.  Whose they are, nginx says in headers of the request.
//
//     npm install && node application.js

const express = require("express");

const app = express();
const notes = new Map();

// AWS looks whether the registration URL answers.

app.get("/register", (request, response) => {
    response.type("text").send("Please come from AWS Marketplace.\n");
});

app.use((request, response, next) => {
    request.account = request.get("X-Marketplace-Customer-AWS-Account-Id");
    request.license = request.get("X-Marketplace-License-Arn");

    if (!request.license) {
        response.status(401).type("text").send("Please register.\n");
        return;
    }

    if (!notes.has(request.license)) {
        notes.set(request.license, []);
    }

    next();
});

app.post("/register", (request, response) => {
    response.redirect(303, "/account");
});

app.get("/account", (request, response) => {
    response.type("text").send(`Account ${request.account}\n`);
});

app.route("/notes")
    .post(express.text(), (request, response) => {
        notes.get(request.license).push(request.body);
        response.sendStatus(204);
    })
    .get((request, response) => {
        response.json(notes.get(request.license));
    });

app.listen(process.env.PORT || 3000, "127.0.0.1");
