"""What a read-only item needs beside the original: thumbnails, frames, playlists."""
