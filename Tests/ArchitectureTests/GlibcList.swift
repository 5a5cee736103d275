/// The files above `Sources/Bindings` that import the C library. Whoever makes one do without takes it off; none is added.
enum GlibcList {
    static let files: [String: [String]] = [
        "BlockStore": [
            "BlockCache", "BlockCache+Upkeep", "CacheBudget", "CacheBudget+Eviction", "CacheFolder", "CacheKeepers",
            "CacheUsage", "DecodePool", "DirectoryBlockStore", "MirrorEstimate",
        ],
        "Boot": ["SessionLauncher", "SessionRun"],
        "Catalog": ["CatalogAccessError", "CatalogLibrary+Trust", "KnownFiles"],
        "ImageIndex": ["ImageIndex", "IndexRows"],
        "ImageMount": ["MountedImage", "StaleMounts"],
        "Publisher": [
            "BlockLoop", "BlockVerifier", "BlockWorker", "BootRecording", "BuildFolder", "ChildProgram",
            "ChunkStoreFolder", "Downloads", "FolderDestination", "ImageConversion", "ImagePublisher", "ImageSource",
            "IngestFolder", "KnownImage", "LegacyPublisher", "OutputFolder", "PublishedTree+Add", "Reachability",
            "RunQueue", "SigningKeys", "StoreLock", "TreeVerification", "Unpacking", "VerifiedBlocks",
        ],
        "TUF": ["KeyFile", "MetadataStore", "RepositoryFolder", "RepositorySource", "TUFClient+State"],
        "oscircular": [
            "Arguments", "BootCommand", "Interruption", "Menu", "MountCommand", "RunSessionCommand", "SSHCommand",
            "ServeMountCommand",
        ],
        "oscircular-publish": [
            "AddCommand", "Console", "ErrorReport", "KeyOptions", "MakeSHA1FilesCommand", "RecordCommand", "Signals",
        ],
        "tuf-client": ["Program"],
    ]
}
