// SPDX-License-Identifier: GPL-2.0-or-later
// The page of `powerplay vnc --web`: the part of the address after # is the token that lets it in, once.

import RFB from "./core/rfb.js";

const place = (id) => document.getElementById(id);
const say = (text) => { place("status").textContent = text; };

function connect(token) {
    const viewer = new RFB(place("screen"), `ws://${location.host}/vnc/${token}`, { wsProtocols: ["binary"], shared: true });
    let wasIn = false;
    viewer.scaleViewport = true;
    viewer.addEventListener("connect", () => {
        wasIn = true;
        say("connected");
        place("keys").disabled = false;
        viewer.focus();
    });
    viewer.addEventListener("desktopname", (event) => {
        place("name").textContent = document.title = event.detail.name;
    });
    viewer.addEventListener("credentialsrequired", () => {
        place("login").hidden = false;
        place("password").focus();
    });
    viewer.addEventListener("securityfailure", (event) => say(`not let in: ${event.detail.reason || "wrong password"}`));
    viewer.addEventListener("disconnect", () => {
        place("keys").disabled = true;
        if (wasIn || place("status").textContent === "connecting") {
            say((wasIn ? "the connection has ended" : "not let in: each address is good for one browser, once") +
                "; powerplay vnc --web prints another address");
        }
    });
    place("login").addEventListener("submit", (event) => {
        event.preventDefault();
        place("login").hidden = true;
        viewer.sendCredentials({ password: place("password").value });
        place("password").value = "";
    });
    place("keys").addEventListener("click", () => { viewer.sendCtrlAltDel(); viewer.focus(); });
}

const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);   // spent: no bookmark, no second try
if (token) {
    connect(token);
} else {
    say("the address is not complete; powerplay vnc --web prints it");
}
