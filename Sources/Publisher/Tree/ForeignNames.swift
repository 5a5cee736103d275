/// What file systems, storage servers and desktops put into a folder by themselves, and what a web server's folder has beside a tree:
/// none of it means that the folder is used for something else.
enum ForeignNames {
    private static let names: Set<String> = [
        // Linux, Windows, macOS.
        "lost+found", "System Volume Information", "$RECYCLE.BIN", "RECYCLER", "Thumbs.db", "desktop.ini", ".DS_Store",
        ".Spotlight-V100", ".fseventsd", ".TemporaryItems", ".DocumentRevisions-V100", ".apdisk", ".directory",
        // Storage servers and their snapshots.
        "@eaDir", "#recycle", "@Recycle", "@Recently-Snapshot", "#snapshot", ".snapshot", ".snapshots", ".zfs",
        ".stfolder", ".stignore", ".gitkeep",
        // Web servers.
        ".well-known", ".htaccess", "robots.txt", "favicon.ico",
    ]
    private static let beginnings = [".Trash", ".nfs", "._"]

    static func contain(_ name: some StringProtocol) -> Bool {
        names.contains(String(name)) || beginnings.contains { name.hasPrefix($0) }
    }
}
