// What every answer of the administration side tells the browser.
import type { NextFunction, Request, Response } from 'express'
import { isApi } from './route.ts'

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const contentPolicy = [
  "default-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

const always = {
  'Content-Security-Policy': contentPolicy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin', // with no-referrer browsers send `Origin: null` from our own forms
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Cache-Control': 'no-store',
} as const

/** Of everything below /api/: by it a program knows whom it asks, and which version of the API that is. */
export const apiVersion = { 'Bootstead-Api': '1' } as const

/** Browsers heed these on an encrypted connection only. */
const whenSecure = {
  'Strict-Transport-Security': 'max-age=31536000',
  'Cross-Origin-Opener-Policy': 'same-origin',
} as const

export function securityHeaders(request: Request, response: Response, next: NextFunction): void {
  response.set(always)
  if (isApi(request.path)) response.set(apiVersion)
  if (request.secure) response.set(whenSecure)
  next()
}
