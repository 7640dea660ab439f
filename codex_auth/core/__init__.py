"""The pure floor: records, readers, flows and rules. Nothing here touches disk, network, clock or terminal."""
