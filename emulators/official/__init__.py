"""Ours inside the official Firebase Emulator Suite: what firebase-tools needs to start our Firestore and Pub/Sub.

firebase-tools runs Firestore as `java FLAGS -jar ARCHIVE --host … --port …`, and Pub/Sub as a program of its own. The
programs made here (`programs`) stand in for both; our Firestore then speaks HTTP/1.1 beside gRPC on its one port
(`splice`, `control`), and tells the Functions emulator of changes (`triggers`). `suite` runs all of it with one
command, with our Cloud Storage beside.
"""
