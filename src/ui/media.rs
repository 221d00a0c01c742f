//! What the browser has for files, pictures and recordings, as far as it is needed here. Much of it is not in every
//! browser: whatever may be missing is an error and not a panic.

use super::{document, window};
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlCanvasElement, HtmlElement};

#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    pub type Blob;
    #[wasm_bindgen(constructor, catch)]
    fn new(parts: &Array, options: &Object) -> Result<Blob, JsValue>;
    #[wasm_bindgen(method, getter)]
    pub fn size(this: &Blob) -> f64;

    #[wasm_bindgen(js_namespace = URL, js_name = createObjectURL, catch)]
    fn object_url(blob: &Blob) -> Result<String, JsValue>;
    #[wasm_bindgen(js_namespace = URL, js_name = revokeObjectURL, catch)]
    fn forget_url(url: &str) -> Result<(), JsValue>;

    type ClipboardItem;
    #[wasm_bindgen(constructor, catch)]
    fn new(data: &Object) -> Result<ClipboardItem, JsValue>;

    type Canvas;
    #[wasm_bindgen(method, js_name = captureStream, catch)]
    fn capture(this: &Canvas, frames_per_second: f64) -> Result<JsValue, JsValue>;

    /// A recording of a stream.
    #[derive(Clone)]
    pub type MediaRecorder;
    #[wasm_bindgen(constructor, catch)]
    fn new(stream: &JsValue, options: &Object) -> Result<MediaRecorder, JsValue>;
    #[wasm_bindgen(static_method_of = MediaRecorder, js_name = isTypeSupported, catch)]
    fn supports(kind: &str) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn start(this: &MediaRecorder) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn stop(this: &MediaRecorder) -> Result<(), JsValue>;
    #[wasm_bindgen(method, setter)]
    fn set_ondataavailable(this: &MediaRecorder, f: &JsValue);
    #[wasm_bindgen(method, setter)]
    fn set_onstop(this: &MediaRecorder, f: &JsValue);
}

fn object(pairs: &[(&str, &JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in pairs {
        // A plain object takes every property.
        _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object
}

/// A file in memory.
pub fn file(content: &[u8], kind: &str) -> Result<Blob, JsValue> {
    Blob::new(&Array::of1(&Uint8Array::from(content)), &object(&[("type", &kind.into())]))
}

/// Hands a file to the reader, as a download of this name.
pub fn download(blob: &Blob, name: &str) -> Result<(), JsValue> {
    let url = object_url(blob)?;
    let link: HtmlElement = document().create_element("a")?.unchecked_into();
    link.set_attribute("href", &url)?;
    link.set_attribute("download", name)?;
    link.click();
    // The download has begun by then; the file's memory is given back.
    super::after(60_000, move || {
        _ = forget_url(&url);
    });
    Ok(())
}

/// What a canvas shows, as a PNG file.
pub fn png(canvas: &HtmlCanvasElement) -> Promise {
    let canvas = canvas.clone();
    Promise::new(&mut |done, failed| {
        if let Err(why) = canvas.to_blob_with_type(&done, "image/png") {
            _ = failed.call1(&JsValue::NULL, &why);
        }
    })
}

/// Puts a picture into the clipboard that is still on its way: asked for at once, since some browsers only allow it
/// while the press that asked for it lasts.
pub async fn copy_picture(picture: &Promise) -> Result<(), JsValue> {
    let item = ClipboardItem::new(&object(&[("image/png", picture)]))?;
    let clipboard = Reflect::get(&window().navigator(), &"clipboard".into())?;
    let write: js_sys::Function = Reflect::get(&clipboard, &"write".into())?.dyn_into()?;
    let written: Promise = write.call1(&clipboard, &Array::of1(&item))?.dyn_into()?;
    JsFuture::from(written).await.map(|_| ())
}

/// The first of these kinds of video that this browser can record.
pub fn recordable(kinds: &[&'static str]) -> Option<&'static str> {
    let captures = Reflect::has(&HtmlCanvasElement::static_prototype(), &"captureStream".into());
    captures.ok().filter(|yes| *yes)?;
    kinds.iter().copied().find(|kind| MediaRecorder::supports(kind).is_ok_and(|yes| yes))
}

trait Prototype {
    fn static_prototype() -> JsValue;
}

impl Prototype for HtmlCanvasElement {
    fn static_prototype() -> JsValue {
        Reflect::get(&js_sys::global(), &"HTMLCanvasElement".into())
            .and_then(|class| Reflect::get(&class, &"prototype".into()))
            .unwrap_or_else(|_| Object::new().into())
    }
}

/// Begins a recording of what a canvas shows.
pub fn recorder(
    canvas: &HtmlCanvasElement,
    kind: &str,
    fps: f64,
    bits_per_second: f64,
) -> Result<MediaRecorder, JsValue> {
    let stream = canvas.unchecked_ref::<Canvas>().capture(fps)?;
    MediaRecorder::new(&stream, &object(&[("mimeType", &kind.into()), ("videoBitsPerSecond", &bits_per_second.into())]))
}

/// Ends a recording and gives what was recorded.
pub async fn finished(recorder: &MediaRecorder, kind: &str) -> Result<Blob, JsValue> {
    let parts = Array::new();
    let kept = parts.clone();
    let more = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
        if let Ok(part) = Reflect::get(&event, &"data".into()) {
            kept.push(&part);
        }
    });
    recorder.set_ondataavailable(more.as_ref());
    let stopped = Promise::new(&mut |done, failed| {
        recorder.set_onstop(&done);
        if let Err(why) = recorder.stop() {
            _ = failed.call1(&JsValue::NULL, &why);
        }
    });
    JsFuture::from(stopped).await?;
    Blob::new(&parts, &object(&[("type", &kind.into())]))
}

/// Waits for the next animation frame; its time in milliseconds.
pub async fn frame() -> f64 {
    let next = Promise::new(&mut |done, _| {
        _ = window().request_animation_frame(&done);
    });
    JsFuture::from(next).await.ok().and_then(|t| t.as_f64()).unwrap_or_default()
}
