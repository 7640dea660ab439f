"""What people and programs are shown: sentences, tables, bars and JSON documents; knows no click."""
